"""What `python -m evaluation bench` measures: our server beside others, all of them started for it."""
