"""Files that come from elsewhere: pinned by digest, put in place whole."""
