// What tests/e2e/test_peers.py plays and publishes with: clients this project did not write.
import { WebRTCPlayer } from "@eyevinn/webrtc-player";
import { WHIPClient } from "@eyevinn/whip-web-client";

window.peers = { WHIPClient, WebRTCPlayer };
