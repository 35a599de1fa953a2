"""The client: publish definitions and read attributes over HTTP.

`client` and `async_client` are the two faces; `registry` and `reading` hold what each call asks, without I/O;
`session` adds address, token and retries; `drivers` alone does the I/O.
"""
