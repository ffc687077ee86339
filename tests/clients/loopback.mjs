// Whoever asks for a host by its name wants to leave this machine, and must not: the sandbox has only an address.
import dns from "node:dns";

dns.lookup = (host) => {
  throw new Error(`a client tried to reach ${host}`);
};
