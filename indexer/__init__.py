"""Offline side: reads articles, splits them into sections, prepares both indexes, writes the artifact."""
