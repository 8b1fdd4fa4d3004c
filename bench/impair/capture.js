/**
 * Stands in for the camera where a browser cannot play a file as its fake device.
 *
 * Runs after `sampler.js`. `bench.feed(frames, rate)` gives what is played, on and on: JPEG
 * images (base64), forth and back, at `rate` a second. Until then whoever asks for a camera
 * waits. The microphone is the browser's own fake one.
 */
(() => {
  /** @type {(media: {images: ImageBitmap[], rate: number}) => void} */
  let ready;
  const media = new Promise((resolve) => { ready = resolve; });
  const devices = navigator.mediaDevices;
  const original = devices.getUserMedia.bind(devices);

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  function camera({ images, rate }) {
    const canvas = document.createElement('canvas');
    const { width, height } = images[0];
    Object.assign(canvas, { width, height });
    const surface = canvas.getContext('2d', { alpha: false });
    const loop = [...images, ...images.toReversed()];
    const began = performance.now();
    let drawn = -1;
    // Each image that is drawn is a frame of the track. Timers are late, so look twice as often.
    setInterval(() => {
      const due = Math.floor((performance.now() - began) * rate / 1000);
      if (due > drawn) surface.drawImage(loop[due % loop.length], 0, 0);
      drawn = due;
    }, 500 / rate);
    const [track] = canvas.captureStream().getVideoTracks();
    track.getSettings = () => ({ deviceId: 'clip', width, height, frameRate: rate });
    return track;
  }

  devices.getUserMedia = async ({ audio, video }) => {
    const tracks = video ? [camera(await media)] : [];
    if (audio) tracks.push(...(await original({ audio: true })).getTracks());
    return new MediaStream(tracks);
  };

  window.bench.feed = async (frames, rate) => {
    const images = await Promise.all(frames.map(
      (frame) => createImageBitmap(new Blob([bytes(frame)], { type: 'image/jpeg' })),
    ));
    ready({ images, rate });
  };
})();
