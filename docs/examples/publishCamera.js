// Publishes this browser's camera to a session of SALI Live whose source is `whip` (RFC 9725).
//
// Open the session's page on the service itself, paste this into the browser's console, and run
//   const camera = await publishCamera(location.hash.split("/").pop());
//   await camera.stop();
// Browsers hand out cameras to https:// pages and to localhost only. Not a medical device.

async function publishCamera(session, token = sessionStorage.getItem("sali.token") ?? "") {
  const authorization = token === "" ? {} : { Authorization: `Bearer ${token}` };
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { width: 1280, height: 720, frameRate: 25 },
  });
  const peer = new RTCPeerConnection();
  const transceiver = peer.addTransceiver(stream.getVideoTracks()[0], { direction: "sendonly" });
  // H.264 first: it is relayed to every viewer as it is.
  const codecs = RTCRtpSender.getCapabilities("video").codecs;
  const isH264 = ({ mimeType }) => mimeType === "video/H264";
  transceiver.setCodecPreferences([...codecs.filter(isH264), ...codecs.filter((c) => !isH264(c))]);
  await peer.setLocalDescription();
  const gathering = new Promise((done) => {
    peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && done();
  });
  if (peer.iceGatheringState !== "complete") await gathering;

  const answer = await fetch(`/v1/sessions/${session}/whip`, {
    method: "POST",
    headers: { "Content-Type": "application/sdp", ...authorization },
    body: peer.localDescription.sdp,
  });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  const resource = answer.headers.get("Location");
  const stop = async () => {
    await fetch(resource, { method: "DELETE", headers: authorization });
    peer.close();
    stream.getTracks().forEach((track) => track.stop());
  };
  return { peer, stop };
}
