def explain()->None: 'x'
