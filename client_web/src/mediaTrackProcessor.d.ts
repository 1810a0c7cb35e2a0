/** Parts of the platform that TypeScript's own library does not describe yet. */
interface MediaStreamTrackProcessorInit {
  readonly track: MediaStreamTrack;
  readonly maxBufferSize?: number;
}

declare class MediaStreamTrackProcessor {
  constructor(init: MediaStreamTrackProcessorInit);
  readonly readable: ReadableStream<VideoFrame>;
}

interface VideoFrameMetadata {
  readonly rtpTimestamp?: number;
}

interface VideoFrame {
  metadata(): VideoFrameMetadata;
}
