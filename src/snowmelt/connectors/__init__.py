"""What comes in from other pipelines and goes out to them: formats of lines, Kafka, files."""
