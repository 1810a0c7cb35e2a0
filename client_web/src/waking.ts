/** Tells when this tab is put to sleep and when it, the machine or the network is back. */
export interface Waking {
  /** Called before a freeze: what is on the screen will stay there meanwhile. */
  readonly onSleep: () => void;
  readonly onWake: () => void;
}

/** @returns a function that ends the watch. */
export function watchWaking({ onSleep, onWake }: Waking): () => void {
  document.addEventListener("freeze", onSleep);
  document.addEventListener("resume", onWake);
  window.addEventListener("online", onWake);
  return () => {
    document.removeEventListener("freeze", onSleep);
    document.removeEventListener("resume", onWake);
    window.removeEventListener("online", onWake);
  };
}
