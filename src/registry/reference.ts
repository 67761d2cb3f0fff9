import { DomainError } from "../errors.js";

/** What a reference of an image names. */
export interface ImageReference {
  /** Host, with its port where it is told; `docker.io` where no registry is. */
  readonly registry: string;
  /** Path there, such as `library/nginx`. */
  readonly repository: string;
  /** `latest` where neither tag nor digest is told; empty where only a digest is. */
  readonly tag: string;
  /** As in `sha256:…`; empty where none is told. */
  readonly digest: string;
}

/** The registry of images whose reference names none. */
export const defaultRegistry = "docker.io";

const label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
const registryPattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-fA-F:.]{2,45}\\])(?::[0-9]{1,5})?$`);
const partPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const digestPattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Whether a text is the path of a repository. */
export const isRepository = (text: string): boolean =>
  text.length <= 255 && text.split("/").every((part) => partPattern.test(part));

/** Whether a text is a tag. */
export const isTag = (text: string): boolean => tagPattern.test(text);

/** Whether a text is a digest as registries have them: of SHA-256 or SHA-512. */
export const isDigest = (text: string): boolean => digestPattern.test(text);

/**
 * Reads a reference as container engines have it: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`. Throws DomainError "invalid",
 * which says what is wrong with which part.
 */
export function parseReference(image: string): ImageReference {
  const at = image.indexOf("@");
  const named = at < 0 ? image : image.slice(0, at);
  const digest = at < 0 ? "" : image.slice(at + 1);
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  const name = colon < 0 ? named : named.slice(0, colon);
  const tag = colon < 0 ? (at < 0 ? "latest" : "") : named.slice(colon + 1);
  const { registry, repository } = splitName(name);
  if (!isRegistry(registry)) throw malformed("its registry must be a host, as in registry.example:5000");
  if (!isRepository(repository)) {
    const form = "lower-case letters and digits with single . or _, __ or dashes between them";
    throw malformed(`the parts of its repository must be ${form}, 255 characters together at most`);
  }
  if (colon >= 0 && !isTag(tag)) {
    throw malformed("its tag must be letters, digits, _, . and -, 128 at most, and not begin with . or -");
  }
  if (at >= 0 && !isDigest(digest)) throw malformed("its digest must be sha256:… with 64 hexadecimal digits");
  return { registry, repository, tag, digest };
}

/** The registry is told where the first part can be no part of a repository's name on Docker Hub. */
function splitName(name: string): Pick<ImageReference, "registry" | "repository"> {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const isHost = /[.:A-Z[]/.test(first) || first === "localhost";
  const registry = isHost ? first.toLowerCase() : defaultRegistry;
  const repository = isHost ? name.slice(slash + 1) : name;
  const isHub = registry === defaultRegistry || registry === "index.docker.io";
  if (!isHub) return { registry, repository };
  return { registry: defaultRegistry, repository: repository.includes("/") ? repository : `library/${repository}` };
}

function isRegistry(text: string): boolean {
  if (text.length > 255 || !registryPattern.test(text)) return false;
  return URL.canParse(`https://${text}/`);
}

const malformed = (message: string): DomainError =>
  new DomainError("invalid", `the image is not [REGISTRY/]REPOSITORY[:TAG][@DIGEST]: ${message}`);
