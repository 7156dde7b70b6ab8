/** Named corpora: where they come from, and how to tell that what came is them. */

export interface KnownCorpus {
  readonly name: string;
  readonly about: string;
  readonly licence: string;
  readonly url: string;
  /** Hosts with their ports that may be asked for it, a redirect's target included. */
  readonly hosts: readonly string[];
  /** Bytes to download. */
  readonly download_bytes: number;
  /** The text's name in the zip archive that is downloaded; absent where the text itself is. */
  readonly zipped_as?: string;
  /** Of the text. */
  readonly bytes: number;
  readonly sha1: string;
}

const MAHONEY = ["mattmahoney.net:80", "mattmahoney.net:443"];
const WIKIPEDIA = "Wikipedia's text: CC BY-SA and GFDL";

/**
 * Sizes and SHA-1s: enwik8 from http://mattmahoney.net/dc/textdata.html; text8 from gluon-nlp's
 * large_text_compression_benchmark.py, which fetched it from the same address; tinyshakespeare counted on a copy of the file.
 */
export const KNOWN_CORPORA: readonly KnownCorpus[] = [
  {
    name: "enwik8",
    about: "the first 100 million bytes of the English Wikipedia of 3 March 2006, as XML",
    licence: WIKIPEDIA,
    url: "http://mattmahoney.net/dc/enwik8.zip",
    hosts: MAHONEY,
    download_bytes: 36_445_475,
    zipped_as: "enwik8",
    bytes: 100_000_000,
    sha1: "57b8363b814821dc9d47aa4d41f58733519076b2",
  },
  {
    name: "text8",
    about: "100 million bytes of the same text, reduced to the letters a to z and spaces",
    licence: WIKIPEDIA,
    url: "http://mattmahoney.net/dc/text8.zip",
    hosts: MAHONEY,
    download_bytes: 31_344_016,
    zipped_as: "text8",
    bytes: 100_000_000,
    sha1: "0dc3edebc970dcc96137e7deda4d9995af9d93de",
  },
  {
    name: "tinyshakespeare",
    about: "plays of Shakespeare, 40,000 lines",
    licence: "public domain",
    url: "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    hosts: ["raw.githubusercontent.com:443"],
    download_bytes: 1_115_394,
    bytes: 1_115_394,
    sha1: "04486597058d11dcc2c556b1d0433891eb639d2e",
  },
];

/** The corpus of a name; undefined where it is none. */
export function knownCorpus(name: string | undefined): KnownCorpus | undefined {
  return KNOWN_CORPORA.find((corpus) => corpus.name === name);
}
