"""Getting a corpus into data/raw: downloading it, or copying a folder that is already on disk."""
