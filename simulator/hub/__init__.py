"""A Hugging Face Hub on this machine: the parts of its HTTP API that pushing and loading a version needs."""
