"""{{description | json}}"""
