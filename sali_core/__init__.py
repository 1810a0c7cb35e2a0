"""The science: the SALI network, its memory, training and evaluation."""
