"""Whether a server endures: more requests than it can answer, and very many, one after the other."""
