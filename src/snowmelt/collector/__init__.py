"""The tracker endpoints: HTTP requests in, payloads on disk, then the 200."""
