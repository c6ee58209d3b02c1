"""Where candidates come from: files beside the server (FAISS, bm25s), or a Milvus for more than one machine holds."""
