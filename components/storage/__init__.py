"""Files from elsewhere: the downloader, and assets pinned by digest."""
