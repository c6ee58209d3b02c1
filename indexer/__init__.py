"""Offline side: reads articles, splits them into sections, prepares both indexes, writes the artifact."""

import os

# ONNX Runtime would start a thread that calls home: nothing here does, and a forked process could not end it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
