"""What happened, and what is therefore true? Pure values: facts, states, and how one follows from the other."""
