def demo()->None: 'x'
