"""The commands of `python -m evaluation`, a module each: its options (`add`) and what it does."""
