// One store, driven from standard input: each line says for how many seconds its callers append side by side, and is
// answered by one line with the appends a second.

import { createInterface } from 'node:readline';

export const drive = async (callers, append) => {
  for await (const line of createInterface({ input: process.stdin })) {
    const began = performance.now();
    const until = began + Number(line) * 1000;
    const caller = async (number) => {
      let done = 0;
      for (; performance.now() < until; done++) await append(number);
      return done;
    };
    const counts = await Promise.all(Array.from({ length: callers }, (_, number) => caller(number)));
    const seconds = (performance.now() - began) / 1000;
    console.log(counts.reduce((sum, count) => sum + count) / seconds);
  }
};
