import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.stream.Collectors;

public class Token {
    static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    public static void main(String[] arguments) throws Exception {
        var form = Map.of(
            "grant_type", "client_credentials",
            "client_id", @CLIENT_ID@,
            "client_secret", System.getenv("CLIENT_SECRET"),
            "resource", @RESOURCE@,
            "scope", @SCOPE@);
        var body = form.entrySet().stream()
            .map(field -> encode(field.getKey()) + "=" + encode(field.getValue()))
            .collect(Collectors.joining("&"));
        var request = HttpRequest.newBuilder(URI.create(@TOKEN_URL@))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
        var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        // JSON with access_token and expires_in. Spring Security keeps and renews the token.
        System.out.println(answer.body());
    }
}
