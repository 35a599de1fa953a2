def ingest()->None: 'x'
