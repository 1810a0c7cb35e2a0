"""The video half of a session: sources in, packets to viewers, small pictures to the model."""
