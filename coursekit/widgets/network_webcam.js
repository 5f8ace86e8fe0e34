// A webcam for NetworkExplorer, where the browser has one to give: one picture, or one after the other until Stop. Each
// goes to Python as a file would. The camera is on only meanwhile.

const networkWebcam = (() => {
  const { element } = page;
  const BETWEEN = 500; // milliseconds from one live picture to the next, at least
  const SETTLE = 300; // milliseconds in which a camera finds the light
  const WHERE = "The picture goes to your own kernel, where this notebook computes, and nowhere else.";
  const OTHERWISE = "Open a picture file instead.";
  const WHY = {
    NotAllowedError: `The browser does not let this page use the webcam. Allow it beside the page's address, or: ${OTHERWISE}`,
    NotFoundError: `No webcam was found. ${OTHERWISE}`,
    NotReadableError: `The webcam is used by another program, or does not answer. End that first, or: ${OTHERWISE}`,
  };

  const HTML = `<div class="ck-line ck-camera" hidden>
      <button type="button" class="ck-shoot" title="${WHERE}">Picture from the webcam</button>
      <button type="button" class="ck-live" title="${WHERE}">Webcam, live</button></div>`;

  // `size()` is the [height, width] that a picture shall have, `sendFile(file)` sends it.
  function make({ parts, say, onGone, onEnd }, { size, sendFile }) {
    let video = null; // while the camera is on
    let live = false;
    let opening = false;
    let timer = 0;
    let since = 0; // when the last picture was taken
    let sent = null; // the file

    parts.camera.hidden = !navigator.mediaDevices?.getUserMedia;

    function stop() {
      live = opening = false;
      clearTimeout(timer);
      for (const track of video?.srcObject.getTracks() ?? []) track.stop();
      video = null;
      show();
    }

    function show() {
      parts.live.textContent = live ? "Stop the webcam" : "Webcam, live";
      parts.shoot.disabled = live;
    }

    async function begin(isLive) {
      if (opening || video) return;
      opening = true;
      say("");
      try {
        const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: false });
        const seen = element("video", "", { muted: true, playsInline: true, srcObject: stream });
        if (!opening) return stream.getTracks().forEach((track) => track.stop()); // the view has gone meanwhile
        video = seen;
        stream.getVideoTracks()[0].onended = () => {
          stop();
          say(`The webcam was switched off. ${OTHERWISE}`);
        };
        await video.play();
        await new Promise((done) => setTimeout(done, SETTLE));
        if (video !== seen) return; // stopped
        [live, opening] = [isLive, false];
        show();
        await shoot();
        if (!live) stop();
      } catch (error) {
        stop();
        say(WHY[error.name] ?? `The webcam gave no picture: ${error.message}. ${OTHERWISE}`);
      }
    }

    // Sends the middle of what the camera sees, in the size of the photo.
    async function shoot() {
      since = performance.now();
      const [height, width] = size();
      const canvas = element("canvas", "", { height, width });
      const { videoWidth, videoHeight } = video;
      const scale = Math.min(videoWidth / width, videoHeight / height);
      const [across, down] = [width * scale, height * scale];
      const pen = canvas.getContext("2d");
      pen.imageSmoothingQuality = "high";
      pen.drawImage(video, (videoWidth - across) / 2, (videoHeight - down) / 2, across, down, 0, 0, width, height);
      const blob = await new Promise((done) => canvas.toBlob(done));
      if (!video) return; // stopped meanwhile
      sent = new File([blob], "webcam.png");
      sendFile(sent);
    }

    parts.shoot.onclick = () => begin(false);
    parts.live.onclick = () => (live ? stop() : begin(true));
    // Who paints, or wants the first photo back, wants no other.
    parts.stage.addEventListener("pointerdown", () => live && stop());
    parts.stage.addEventListener("keydown", ({ key }) => key === " " && live && stop());
    parts.first.addEventListener("click", () => live && stop());
    show();
    onGone(stop);
    onEnd(stop);

    return {
      stop,
      isLive: () => live,
      // What Python has made of a picture is shown: it is time for the next.
      next() {
        clearTimeout(timer);
        if (live) timer = setTimeout(() => live && shoot(), BETWEEN - (performance.now() - since));
      },
      // Another picture than the camera's takes its place.
      makeWay(file) {
        if (live && file !== sent) stop();
      },
    };
  }

  return { HTML, make };
})();
