"""One way of reading events out of a request each: who sends it, what it must look like, what it becomes."""
