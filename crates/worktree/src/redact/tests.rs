use proptest::prelude::*;

use super::*;

fn check(path: &str, line: &str, expected: &str) {
    let (found, is_redacted) = text(path.as_bytes(), line);
    assert_eq!(found, expected.replace('§', MARK), "{path}: {line}");
    assert_eq!(is_redacted, expected.contains('§'));
}

#[test]
fn values_of_secret_names() {
    check("a.py", "API_KEY = \"abc\"\n", "API_KEY = \"§\"\n");
    check("a.py", "api_key: str = 'abc'  # x\r\n", "api_key: str = '§'  # x\r\n");
    check("a.py", "os.environ[\"WANDB_API_KEY\"] = \"abc\"", "os.environ[\"WANDB_API_KEY\"] = \"§\"");
    check("a.py", "x = f(lr=0.1, password='p w', n=3)\n", "x = f(lr=0.1, password='§', n=3)\n");
    check("a.py", "d = {\"token\": \"abc\", \"secret\": r'x'}\n", "d = {\"token\": \"§\", \"secret\": r'§'}\n");
    check("a.py", "password = 1234\n", "password = §\n");
    check("a.js", "const apiKey = `abc`;", "const apiKey = `§`;");
    check("a.ipynb", "    \"api_key = \\\"abc\\\"\\n\",\n", "    \"api_key = \\\"§\\\"\\n\",\n");
    check("a.yaml", "db:\n  password: hunter 2\n  port: 1\n", "db:\n  password: §\n  port: 1\n");
    check("a.yaml", "passwords:\nsecret:\n  - abc\n  - d\nlr: 1\n", "passwords:\nsecret:\n  §\n  §\nlr: 1\n");
    check("a.yaml", "secret: |\n  abc\n\n  d\nlr: 1\n", "secret: |\n  §\n\n  §\nlr: 1\n");
    check("a.sh", "export HF_TOKEN=abc\n", "export HF_TOKEN=§\n");
    check("a.sh", "train.py --api-key abc\n", "train.py --api-key §\n");
    check("a.toml", "password = \"a\\\"b\"\n", "password = \"§\"\n");
    check("a.json", "{\"api_key\":\"abc\",\"lr\":1}", "{\"api_key\":\"§\",\"lr\":1}");
    check("a.ini", "Authorization: Bearer abc\n", "Authorization: §\n");
}

#[test]
fn keys_by_their_looks() {
    check("a.py", "login(\"hf_0123456789abcdefghij\")\n", "login(\"§\")\n");
    check("requirements.txt", "--index-url https://u:p@host/simple\n", "--index-url §\n");
    check("a.py", "h = {'x': 'Bearer 0123456789abcdef'}\n", "h = {'x': 'Bearer §'}\n");
    check("a.txt", "k: -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nx\n", "k: §\n§\n§\nx\n");
}

#[test]
fn a_key_that_only_begins_hides_no_more_than_it_must() {
    check(
        "a.rs",
        "(\"note\", \"-----BEGIN KEY-----\"),\n(\"a\", \"b\"),\nMIIE\n",
        "(\"note\", \"§\n(\"a\", \"b\"),\nMIIE\n",
    );
    check("a.py", "k = (\"-----BEGIN KEY-----\\n\"\n    \"MIIE+/=\\n\"\n)\nlr = 1\n", "k = (\"§\n§\n§\nlr = 1\n");
    check("k", "-----BEGIN KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIE\n-----END KEY-----\nx\n", "§\n§\n\n§\n§\nx\n");
}

#[test]
fn what_tells_nothing_stays() {
    for (path, line) in [
        ("a.py", "password = getpass.getpass()\n"),
        ("a.py", "api_key = os.environ[\"API_KEY\"]\n"),
        ("a.py", "pad_token = tokenizer.special_tokens_map\n"),
        ("a.py", "def login(api_key: str, token: Optional[str] = None):\n"),
        ("a.py", "if password == \"x\":\n"),
        ("a.py", "password = \"\"\n"),
        ("a.py", "max_tokens = \"4096\"\n"),
        ("a.rs", "let secret: Secret = Secret::read()?;\n"),
        ("a.sh", "HF_TOKEN=$HF_TOKEN train.py\n"),
        ("a.yaml", "api_key: ${API_KEY}\n"),
        ("package-lock.json", "\"@octokit/auth-token\": \"^2.4.0\",\n"),
        ("package-lock.json", "\"resolved\": \"https://host/a/-/a-1.0.0.tgz\",\n"),
        ("uv.lock", "hash = \"sha256:0123456789012345678901234567890123456789012345678901234567890123\"\n"),
        ("a.txt", "-----BEGIN CERTIFICATE-----\nMIIE\n"),
    ] {
        check(path, line, line);
    }
}

#[test]
fn files_that_are_never_shown() {
    for path in [".env", "a/.env.local", "prod.env", "k/a.PEM", "id_rsa", "id_rsa.pub", "credentials.json", "x/.netrc"]
    {
        assert!(is_secret_file(path.as_bytes()), "{path}");
    }
    for path in ["secrets.yaml", ".aws/config", "service-account-1.json", "tls.key", ".credentials"] {
        assert!(is_secret_file(path.as_bytes()), "{path}");
    }
    for path in ["env.py", "environment.yml", "keys.py", "a.keys", "train.py", "secret.rs", "tokenizer.json"] {
        assert!(!is_secret_file(path.as_bytes()), "{path}");
    }
}

#[test]
fn a_long_line_takes_no_time() {
    let line = "token=a:".repeat(100_000);
    let (found, _) = text(b"a.py", &line);
    assert_eq!(found.len(), line.len());
    let line = "\"password\":\"x\",".repeat(20_000);
    let (found, is_redacted) = text(b"a.json", &line);
    assert!(is_redacted && !found.contains("\"x\""));
}

proptest! {
    #[test]
    fn any_text_keeps_its_lines(body in "[a-z\\\\\"'`=: \\-é\n\r\\[{|>$<]{0,120}", word in "(password|api_key|--token|-----BEGIN)") {
        for path in ["a.py", "a.yaml"] {
            let whole = format!("{word}{body}");
            let lines = lines(path.as_bytes(), &whole);
            prop_assert_eq!(lines.len(), whole.split_inclusive('\n').count());
            let ends = |line: &str| line.ends_with('\n');
            prop_assert!(lines.iter().zip(whole.split_inclusive('\n')).all(|(a, b)| ends(a) == ends(b)));
        }
    }

    #[test]
    fn a_quoted_secret_is_never_left(secret in "[a-zA-Z0-9]{8,30}", before in "[a-z ,({]{0,10}") {
        for line in [format!("{before}password = \"{secret}\""), format!("{before}\"api_key\": '{secret}'")] {
            prop_assert!(!text(b"a.py", &line).0.contains(&secret));
        }
    }
}
