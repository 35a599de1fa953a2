def doctor()->None: 'x'
