import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.math.BigInteger;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * A document system's VXP client on the JDK's own HTTP classes, with the habits of the vendor's SDK: one parameter map
 * shared by all calls (stale parameters leak and are signed), a timestamp taken once, names in HashMap order, the file
 * followed by CRLF, its hash without zero padding.
 *
 * Arguments: base URL, system id, secret, timestamp, CA file or "-".
 * Standard input, one call a line, tab separated: transport, operation, body ("-", "{}" or @FILE), name=value...
 * Standard output, one answer a line: HTTP status, content type, body in base64; or "FAILED" and the exception.
 */
public final class VxpClient {
    private static final String PREFIX = "XroadVnpt-";

    private final String base;
    private final String secret;
    private final Map<String, String> shared = new HashMap<>();
    private final SSLContext tls;
    private final HttpClient modern;
    private final HttpClient upgrading;

    private VxpClient(String base, String systemId, String secret, String timestamp, String caFile) throws Exception {
        this.base = base;
        this.secret = secret;
        this.tls = caFile.equals("-") ? null : trusting(Path.of(caFile));
        this.modern = client(HttpClient.Version.HTTP_1_1);
        this.upgrading = client(HttpClient.Version.HTTP_2);
        shared.put("systemid", systemId);
        shared.put("timestamp", timestamp);
    }

    public static void main(String[] args) throws Exception {
        VxpClient client = new VxpClient(args[0], args[1], args[2], args[3], args[4]);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println(client.perform(line.split("\t")));
            System.out.flush();
        }
    }

    private String perform(String[] words) throws Exception {
        byte[] body = body(words[2]);
        boolean file = words[1].equals("sendEdoc");
        for (int i = 3; i < words.length; i++) {
            String[] parameter = words[i].split("=", 2);
            shared.put(parameter[0], parameter[1]);
        }
        if (file) {
            shared.put("hash-file", unpaddedHash(body));
            body = withLineEnd(body);
        }
        Map<String, String> headers = signed(file ? "application/octet-stream" : "application/json");
        try {
            return words[0].startsWith("url")
                ? overUrlConnection(words[0], words[1], headers, body)
                : overHttpClient(words[0], words[1], headers, body);
        } catch (IOException failure) {
            return "FAILED\t" + failure;
        }
    }

    private static byte[] body(String word) throws IOException {
        if (word.startsWith("@")) {
            return Files.readAllBytes(Path.of(word.substring(1)));
        }
        return word.equals("-") ? new byte[0] : word.getBytes(StandardCharsets.UTF_8);
    }

    private Map<String, String> signed(String contentType) throws Exception {
        shared.put("Content-Type", contentType);
        List<String> names = new ArrayList<>(shared.keySet());
        StringBuilder json = new StringBuilder("{");
        Map<String, String> headers = new HashMap<>();
        for (String name : names) {
            json.append(json.length() > 1 ? "," : "").append(quoted(PREFIX + name)).append(':');
            json.append(quoted(shared.get(name)));
            headers.put(PREFIX + name, shared.get(name));
        }
        String text = json.append('}').toString();
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        byte[] hash = mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
        headers.put(PREFIX + "sign-header-key", String.join(";", names));
        headers.put(PREFIX + "sign-header", text);
        headers.put(PREFIX + "hash-header", String.format("%064x", new BigInteger(1, hash)));
        headers.put(PREFIX + "version", "3.0.201608");
        headers.put("Content-Type", contentType);
        headers.put("User-Agent", "JAVASDKAgent/1.0.0 XRoad/VPCP");
        return headers;
    }

    private String overUrlConnection(String transport, String operation, Map<String, String> headers, byte[] body)
            throws IOException {
        HttpURLConnection connection = (HttpURLConnection) new URL(base + "/" + operation).openConnection();
        if (connection instanceof HttpsURLConnection && tls != null) {
            ((HttpsURLConnection) connection).setSSLSocketFactory(tls.getSocketFactory());
        }
        connection.setRequestMethod(transport.equals("url-get") ? "GET" : "POST");
        connection.setUseCaches(false);
        headers.forEach(connection::setRequestProperty);
        if (transport.equals("url-expect")) {
            connection.setRequestProperty("Expect", "100-continue");
        }
        if (!transport.equals("url-get")) {
            connection.setDoOutput(true);
            connection.setFixedLengthStreamingMode(body.length);
            try (OutputStream out = connection.getOutputStream()) {
                out.write(body);
            }
        }
        int status = connection.getResponseCode();
        InputStream in = status < 400 ? connection.getInputStream() : connection.getErrorStream();
        byte[] answer = in == null ? new byte[0] : in.readAllBytes();
        return line(status, connection.getContentType(), answer);
    }

    private String overHttpClient(String transport, String operation, Map<String, String> headers, byte[] body)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + "/" + operation))
            .POST(HttpRequest.BodyPublishers.ofByteArray(body));
        headers.forEach(request::header);
        request.expectContinue(transport.equals("http-expect") && body.length > 0);
        HttpClient client = transport.equals("http-upgrade") ? upgrading : modern;
        HttpResponse<byte[]> answer = client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        return line(answer.statusCode(), answer.headers().firstValue("Content-Type").orElse(""), answer.body());
    }

    private static String line(int status, String contentType, byte[] body) {
        return status + "\t" + contentType + "\t" + Base64.getEncoder().encodeToString(body);
    }

    private HttpClient client(HttpClient.Version version) {
        HttpClient.Builder builder = HttpClient.newBuilder().version(version);
        return (tls == null ? builder : builder.sslContext(tls)).build();
    }

    private static SSLContext trusting(Path caFile) throws Exception {
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        try (InputStream in = Files.newInputStream(caFile)) {
            trusted.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context;
    }

    private static String unpaddedHash(byte[] file) throws Exception {
        StringBuilder hex = new StringBuilder();
        for (byte one : MessageDigest.getInstance("SHA-256").digest(file)) {
            hex.append(Integer.toHexString(one & 0xff));
        }
        return hex.toString();
    }

    private static byte[] withLineEnd(byte[] file) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(file.length + 2);
        out.writeBytes(file);
        out.write('\r');
        out.write('\n');
        return out.toByteArray();
    }

    private static String quoted(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (char sign : text.toCharArray()) {
            if (sign == '"' || sign == '\\') {
                json.append('\\').append(sign);
            } else if (sign < ' ') {
                json.append(String.format("\\u%04x", (int) sign));
            } else {
                json.append(sign);
            }
        }
        return json.append('"').toString();
    }
}
