// Reads YAML files with SnakeYAML itself, for benchmarks/snakeyaml.py: one path a line on stdin, one
// JSON document a line on stdout. Numbers are {"i": text} or {"f": text}, mappings {"m": [[key, value]]},
// anything else that JSON has no word for {"o": class}, and an error {"e": message}.
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.util.Collection;
import java.util.Map;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.representer.Representer;

public class SnakeYamlReader {
    public static void main(String[] arguments) throws Exception {
        BufferedReader paths = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String path = paths.readLine(); path != null; path = paths.readLine()) {
            StringBuilder json = new StringBuilder();
            try (InputStreamReader file = new InputStreamReader(new FileInputStream(path), "UTF-8")) {
                LoaderOptions options = new LoaderOptions();
                options.setMaxAliasesForCollections(Integer.MAX_VALUE);
                DumperOptions dumping = new DumperOptions();
                Yaml yaml = new Yaml(new SafeConstructor(options), new Representer(dumping), dumping, options);
                write(json, yaml.load(file));
            } catch (Exception error) {
                json.setLength(0);
                json.append("{\"e\":");
                quote(json, error.getClass().getSimpleName() + ": " + error.getMessage());
                json.append("}");
            }
            System.out.println(json);
        }
    }

    private static void write(StringBuilder json, Object value) {
        if (value == null || value instanceof Boolean) {
            json.append(value);
        } else if (value instanceof String) {
            quote(json, (String) value);
        } else if (value instanceof Map) {
            String comma = "{\"m\":[";
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
                json.append(comma).append("[");
                write(json, entry.getKey());
                json.append(",");
                write(json, entry.getValue());
                json.append("]");
                comma = ",";
            }
            json.append(((Map<?, ?>) value).isEmpty() ? "{\"m\":[]}" : "]}");
        } else if (value instanceof Collection) {
            String comma = "[";
            for (Object one : (Collection<?>) value) {
                json.append(comma);
                write(json, one);
                comma = ",";
            }
            json.append(((Collection<?>) value).isEmpty() ? "[]" : "]");
        } else if (value instanceof Integer || value instanceof Long || value instanceof BigInteger) {
            json.append("{\"i\":\"").append(value).append("\"}");
        } else if (value instanceof Number) {
            json.append("{\"f\":\"").append(value).append("\"}");
        } else {
            json.append("{\"o\":");
            quote(json, value.getClass().getSimpleName());
            json.append("}");
        }
    }

    private static void quote(StringBuilder json, String text) {
        json.append('"');
        for (char sign : text.toCharArray()) {
            if (sign == '"' || sign == '\\') {
                json.append('\\').append(sign);
            } else if (sign < 32 || sign > 126) {
                json.append(String.format("\\u%04x", (int) sign));
            } else {
                json.append(sign);
            }
        }
        json.append('"');
    }
}
