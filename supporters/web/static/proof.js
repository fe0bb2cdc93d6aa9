/* The proof of work of a form, by ALTCHA: prover(url) gives work(anew), whose promise is the field "altcha", or "" where
   it cannot be had in time. Then the form is taken all the same, with stricter limits. */
const prover = (() => {
  /* SHA-256 by hand: crypto.subtle answers one promise a hash, is slower for this, and absent on plain http. */
  const H = [], K = [], W = new Int32Array(64), part = (root) => ((root % 1) * 2 ** 32) | 0;
  for (let n = 2; K.length < 64; n++) {
    let d = 2;
    while (d * d <= n && n % d) d++;
    if (d * d <= n) continue;
    if (H.length < 8) H.push(part(n ** 0.5));
    K.push(part(n ** (1 / 3)));
  }
  const turn = (x, by) => (x >>> by) | (x << (32 - by));
  const sha256 = (text) => {
    const bytes = new TextEncoder().encode(text), size = ((bytes.length + 8) >> 6) + 1;
    const words = new DataView(new ArrayBuffer(size * 64)), state = [...H];
    bytes.forEach((byte, at) => words.setUint8(at, byte));
    words.setUint8(bytes.length, 128);
    words.setUint32(size * 64 - 4, bytes.length * 8);
    for (let block = 0; block < size; block++) {
      for (let i = 0; i < 64; i++) {
        if (i < 16) W[i] = words.getInt32(block * 64 + i * 4);
        else {
          const x = W[i - 15], y = W[i - 2];
          W[i] = W[i - 16] + W[i - 7] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
        }
      }
      let [a, b, c, d, e, f, g, h] = state;
      for (let i = 0; i < 64; i++) {
        const t = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
        const u = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        h = g, g = f, f = e, e = (d + t) | 0, d = c, c = b, b = a, a = (t + u) | 0;
      }
      [a, b, c, d, e, f, g, h].forEach((value, i) => (state[i] = (state[i] + value) | 0));
    }
    return state.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  };

  /* In slices of a few milliseconds, so that nobody who types notices. */
  const prove = async (url) => {
    try {
      const answer = await fetch(url, { credentials: "omit" });
      const { algorithm, challenge, salt, signature, maxnumber = 1e6 } = await answer.json();
      for (let number = 0; number <= maxnumber; ) {
        for (const until = performance.now() + 8; performance.now() < until && number <= maxnumber; number++)
          if (sha256(salt + number) === challenge)
            return btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }));
        await new Promise((go) => setTimeout(go));
      }
    } catch { /* It does without. */ }
    return "";
  };

  return (url) => {
    let proof;
    return (anew) => {
      if (anew || !proof) proof = prove(url);
      return Promise.race([proof, new Promise((go) => setTimeout(go, 15000, ""))]);
    };
  };
})();
