"""The four figures that 21 CFR 876.1520 asks of such a device, of this installation."""
