"""Judging by hand: pools of sections, a local page to grade them on, the grades in SQLite and as files of qrels."""
