"""Getting a corpus into data/raw: download it, or copy or link a folder that is here already."""
