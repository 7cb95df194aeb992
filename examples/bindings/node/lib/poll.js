// Descriptors of the library in Node's loop.
//
// libuv watches what it has opened itself, and an inotify descriptor is nothing that it knows.  So one call of poll(2)
// waits in a thread of koffi's for all descriptors at once; an eventfd wakes it when there is another one to wait for.
// While nobody waits there is no such call, and the process may end.
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const poll = libc.func('int poll(void *descriptors, unsigned long count, int ms)');
const eventfd = libc.func('int eventfd(unsigned int value, int flags)');
const eventfdRead = libc.func('eventfd_read', 'int', ['int', koffi.out(koffi.pointer('uint64_t'))]);
const eventfdWrite = libc.func('int eventfd_write(int fd, uint64_t value)');

const POLLIN = 1;
const CLOEXEC_NONBLOCK = 0o2004000;
const wake = eventfd(0, CLOEXEC_NONBLOCK);
const waiting = new Set();
let polling = false;

function next() {
	if (polling || waiting.size === 0)
		return;
	const asked = [...waiting];
	// An array of structs goes to C as one block of memory.
	const block = Buffer.alloc(8 * (asked.length + 1));
	[wake, ...asked.map(one => one.fd)].forEach((fd, i) => {
		block.writeInt32LE(fd, 8 * i);
		block.writeInt16LE(POLLIN, 8 * i + 4);
	});
	polling = true;
	poll.async(block, asked.length + 1, -1, () => {
		polling = false;
		if (block.readInt16LE(6))
			eventfdRead(wake, [0]);
		asked.forEach((one, i) => block.readInt16LE(8 * (i + 1) + 6) && one.done(true));
		next();
	});
}

/** Resolves to true when the descriptor is readable, to false when the time is over or the signal says so. */
export function readable(fd, ms, signal) {
	return new Promise(resolve => {
		const one = { fd, done };
		const timer = ms === undefined ? undefined : setTimeout(done, ms, false);
		const abort = () => done(false);

		function done(was) {
			if (!waiting.delete(one))
				return;
			clearTimeout(timer);
			signal?.removeEventListener('abort', abort);
			eventfdWrite(wake, 1); // the call that is under way must not watch a descriptor that may be closed now
			resolve(was);
		}
		waiting.add(one);
		if (signal?.aborted)
			return done(false);
		signal?.addEventListener('abort', abort);
		eventfdWrite(wake, 1);
		next();
	});
}
