const chunkBytes = 64 * 1024;

/** Yields so many chunks of bytes, as fast as they are taken. */
export default async function* flood({ count }) {
  const chunk = Buffer.alloc(chunkBytes, 7);
  for (let number = 0; number < count; number++) yield chunk;
}
