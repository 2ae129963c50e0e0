// The files of a site: fetched from a server, or found within the page; unpacked and checked.

export function fetching(folder) {
  const base = new URL(folder, document.baseURI);
  return async (name) => {
    const response = await fetch(new URL(name, base));
    if (!response.ok) throw new Error(`${name}: the server answers ${response.status}; export the site again`);
    return response.arrayBuffer();
  };
}

function inlined(files) {
  return async (name) => {
    if (!Object.hasOwn(files, name)) throw new Error(`${name} is not in this page; export it again`);
    return Uint8Array.from(atob(files[name]), (letter) => letter.charCodeAt(0)).buffer;
  };
}

// What a file of the manifest holds, unpacked and checked.
export async function content(read, { file, packed, size, sha256 }) {
  const bytes = await read(file);
  // Some servers unpack on the way, and equal sizes mean that nothing was packed.
  const found = packed !== size && bytes.byteLength === packed ? await unpacked(bytes) : bytes;
  // A page that came without encryption from another machine has no hashes to compare with.
  const same = found.byteLength === size && (!crypto.subtle || (await hash(found)) === sha256);
  if (!same) throw new Error(`${file} is damaged, or of another export: export the site again`);
  return found;
}

// A module within its address: on a page from a disk a worker can import nothing else.
function dataAddress(code) {
  const reader = new FileReader();
  return new Promise((resolve) => {
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(new Blob([code], { type: "text/javascript" }));
  });
}

function unpacked(bytes) {
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

async function hash(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
