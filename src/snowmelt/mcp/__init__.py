"""What agents call, by the Model Context Protocol."""
