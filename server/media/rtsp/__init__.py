"""A small RTSP client for H.264 over TCP: each picture at its marker bit, not one picture later."""
