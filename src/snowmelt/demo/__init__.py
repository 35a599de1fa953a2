"""The tutorial come alive: its definitions, a made-up shop, and shoppers that use a real tracker."""
