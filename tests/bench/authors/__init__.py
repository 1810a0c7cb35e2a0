"""The authors' form of SALI, written plainly from docs/network.md: what our speed is measured by.

Nothing here is shared with `sali_core.model`, so it checks what that computes, too: parameters
have the same names, so that one state dict fits both, and nothing else is the same. What makes it
slow is what the plain reading of the description asks for:

- the encoder runs twice per frame, on the current frame and again on its neighbour;
- memory is a growing list of dense frames, concatenated at every step;
- the affinity of every query cell to every token is written out, `released` takes its top 20 by
  `torch.topk` and writes the softmax back into a full matrix;
- attention in the backbone is written out, deformable convolution is torchvision's operator.

Where the description leaves a choice the faster one was taken.
"""

from tests.bench.authors.form import AuthorsForm

__all__ = ["AuthorsForm"]
