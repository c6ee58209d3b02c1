"""A model that knows this help: an adapter trained on pairs that the articles give by themselves, without labels."""
