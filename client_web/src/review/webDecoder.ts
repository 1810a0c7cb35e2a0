/** The browser's own decoder (WebCodecs), as a stream of frames uses it. */
import type { Decoder } from "./frameStream";

/** Browsers give it to pages over HTTPS and to those of the same machine only. */
export function hasDecoder(scope: object): boolean {
  return "VideoDecoder" in scope && "VideoFrame" in scope;
}

export class WebDecoder implements Decoder<VideoFrame> {
  onoutput: (frame: VideoFrame) => void = (frame) => frame.close();
  onerror: (error: Error) => void = () => undefined;
  ondequeue: () => void = () => undefined;
  private readonly decoder: VideoDecoder;

  /** @param codec as the server names it; H.264 comes in Annex B, so nothing else need be told. */
  constructor(codec: string) {
    this.decoder = new VideoDecoder({
      output: (frame) => this.onoutput(frame),
      error: (error) => this.onerror(error),
    });
    this.decoder.addEventListener("dequeue", () => this.ondequeue());
    this.decoder.configure({ codec });
  }

  get decodeQueueSize(): number {
    return this.decoder.decodeQueueSize;
  }

  decode({ type, timestamp, data }: { type: "key" | "delta"; timestamp: number; data: Uint8Array }): void {
    this.decoder.decode(new EncodedVideoChunk({ type, timestamp, data }));
  }

  flush(): Promise<void> {
    return this.decoder.flush();
  }

  close(): void {
    if (this.decoder.state !== "closed") this.decoder.close();
  }
}
