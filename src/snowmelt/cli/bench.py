def bench()->None: 'x'
