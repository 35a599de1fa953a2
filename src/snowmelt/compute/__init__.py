"""From definitions to values: the algebra, the compiler and the program that the engine runs. No I/O, no clock."""
