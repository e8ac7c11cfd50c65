#!/usr/bin/env python3
"""Makes `customers.ndjson`, the records that `make demo` loads.

    python3 deploy/demo/make_customers.py > deploy/demo/customers.ndjson

Every run prints the same bytes: the seed is fixed, no clock is read, and of the random module only `random()` is used, whose sequence
Python promises to keep between versions. Nobody in the file exists: names are drawn from lists, mail addresses use the domains that
RFC 2606 reserves, and phone numbers carry the 555-0 of films.
"""
import json
import random
import re
import sys
import unicodedata

RECORDS = 3000
SEED = 20260401

# country: (code, language, currency, dialling prefix, postal code (# a digit, @ a letter), cities, street endings, first names, last names, weight)
COUNTRIES = {
    "Norway": ("NO", "nb", "NOK", "+47", "####", "Oslo Bergen Trondheim Stavanger Tromsø Bodø Ålesund Drammen Hamar Kristiansand",
               "Storgata|Kirkeveien|Fjordgata|Bjørnstjerne vei|Skolegata|Solbakken|Åsveien",
               "Astrid Bjørn Eirik Gunnar Håkon Ingrid Jørgen Kari Lars Liv Magnus Marit Nils Øystein Ragnhild Sigrid Solveig Torbjørn Trygve Unni",
               "Aasen Bakke Berg Dahl Eide Fjeld Hagen Haugen Johnsen Kristoffersen Lie Moen Nygård Ødegård Rønning Solberg Strand Sørlie Tveit Øverby", 9),
    "Sweden": ("SE", "sv", "SEK", "+46", "### ##", "Stockholm Göteborg Malmö Uppsala Västerås Örebro Linköping Umeå Jönköping Luleå",
               "Drottninggatan|Björkvägen|Kungsgatan|Ängsvägen|Skolgatan|Östergatan",
               "Agnes Åke Björn Elsa Erik Göran Hjalmar Ingegerd Jöns Kerstin Lovisa Märta Nils Olof Pernilla Rut Sven Tyra Ulf Örjan",
               "Åberg Andersson Bergström Dahlberg Ek Forsberg Gustafsson Hedlund Holmström Isaksson Lindqvist Lundgren Månsson Nyström Öberg Sandström Sjöberg Söderlund Wallin Wikström", 8),
    "Denmark": ("DK", "da", "DKK", "+45", "####", "København Aarhus Odense Aalborg Esbjerg Randers Kolding Horsens Vejle Næstved",
                "Nørregade|Vestergade|Søndergade|Møllevej|Kirkevej|Åboulevarden",
                "Anders Birgit Bodil Christian Dorthe Ejnar Freja Gitte Henrik Inger Jens Kirsten Lærke Mette Niels Pia Rasmus Søren Thyra Villads",
                "Andersen Bech Christensen Dam Frandsen Gregersen Holm Iversen Jørgensen Kjær Lauridsen Mikkelsen Nørgaard Østergaard Poulsen Ravn Skov Sørensen Thygesen Winther", 6),
    "Finland": ("FI", "fi", "EUR", "+358", "#####", "Helsinki Espoo Tampere Vantaa Oulu Turku Jyväskylä Lahti Kuopio Hämeenlinna",
                "Koulukatu|Mäntytie|Hämeenkatu|Rantatie|Kirkkokatu|Pähkinätie",
                "Aino Antti Eero Eeva Hannele Heikki Ilmari Jaakko Kaisa Lauri Marjatta Matti Oskari Päivi Pekka Riitta Sampo Tuulikki Väinö Yrjö",
                "Aalto Hämäläinen Heikkinen Järvinen Kallio Karjalainen Koskinen Laaksonen Lehtonen Mäkelä Mäkinen Niemi Nieminen Räsänen Salminen Savolainen Seppälä Tähtinen Väisänen Ylönen", 5),
    "Germany": ("DE", "de", "EUR", "+49", "#####", "Berlin Hamburg München Köln Düsseldorf Nürnberg Lübeck Osnabrück Tübingen Görlitz",
                "Hauptstraße|Gartenstraße|Mühlenweg|Bahnhofstraße|Schlossallee|Lindenstraße|Am Brühl",
                "Anneliese Björn Dörte Ernst Friederike Günther Heike Jörg Jürgen Käthe Lieselotte Matthias Norbert Ottilie Renate Sören Uwe Volker Wiebke Zoë",
                "Bäcker Böhm Brandt Fuchs Gärtner Groß Hänsel Jäger Klöckner Krüger Löwe Möller Neumann Pfeiffer Rößler Schäfer Schröder Strauß Vogel Weiß", 12),
    "Austria": ("AT", "de", "EUR", "+43", "####", "Wien Graz Linz Salzburg Innsbruck Klagenfurt Villach Wels Bregenz Mödling",
                "Ringstraße|Kärntner Straße|Mozartgasse|Dorfstraße|Am Grünanger",
                "Alois Brigitte Elfriede Franz Gerlinde Hedwig Ignaz Josef Karoline Leopold Maximilian Notburga Roswitha Sepp Theresia Ulrike",
                "Auer Binder Eder Fellner Gruber Haider Hofstätter Köberl Lechner Mühlböck Nußbaumer Pichler Reiter Schwaiger Steinböck Wögerer", 3),
    "France": ("FR", "fr", "EUR", "+33", "#####", "Paris Lyon Marseille Nîmes Orléans Besançon Angoulême Saint-Étienne Béziers Évreux",
               "rue des Écoles|avenue de la République|place du Marché|rue de l’Église|chemin des Prés|boulevard Gambetta",
               "Aurélie Benoît Céline Chloé Clément Élodie Étienne François Gaëlle Hélène Irène Jérôme Léa Loïc Maëlle Noël Océane Régis Sébastien Théo",
               "Béranger Chevalier Delacroix Durand Fabre Garnier Hébert Lefèvre Lemaître Mercier Noël Pélissier Périer Renault Rousseau Séguin Tessier Thévenot Vasseur Voisin", 10),
    "Spain": ("ES", "es", "EUR", "+34", "#####", "Madrid Barcelona Sevilla Málaga Córdoba León Cádiz Logroño Almería Ávila",
              "calle Mayor|avenida de América|calle del Ángel|plaza de España|paseo del Río",
              "Álvaro Ángel Begoña Concepción Elías Encarnación Félix Gonzalo Inés Iván Jesús Lucía María Mónica Óscar Pilar Ramón Sofía Verónica Íñigo",
              "Álvarez Benítez Castaño Domínguez Fernández García Gómez Hernández Ibáñez Jiménez López Martínez Muñoz Núñez Ordóñez Peña Rodríguez Sánchez Vázquez Yáñez", 9),
    "Portugal": ("PT", "pt", "EUR", "+351", "####-###", "Lisboa Porto Braga Coimbra Évora Guimarães Setúbal Viseu Santarém Bragança",
                 "Rua da Conceição|Avenida da Liberdade|Rua São João|Travessa do Paço|Largo da Sé",
                 "Afonso António Beatriz Cláudia Conceição Diogo Fátima Gonçalo Inês João José Luísa Márcia Nuno Rúben Sérgio Simão Teresa Vítor Zulmira",
                 "Araújo Azevedo Brandão Conceição Esteves Falcão Gonçalves Guimarães Leitão Magalhães Melo Neves Paixão Quintão Ribeiro Salomão Simões Tavares Valadão Vilaça", 4),
    "Italy": ("IT", "it", "EUR", "+39", "#####", "Roma Milano Torino Napoli Bologna Forlì Cefalù Trento Lecce Siena",
              "via Garibaldi|corso Vittorio|piazza della Libertà|viale dei Mille|via San Niccolò",
              "Agnese Bartolomeo Chiara Dario Elena Fabrizio Giulia Iacopo Letizia Marcello Niccolò Ornella Pasquale Raffaella Silvio Tommaso Umberto Viola",
              "Amato Bianchi Caruso D’Angelo De Santis Esposito Ferrara Giordano Lombardi Marchetti Nicolosi Orlando Palumbo Ricci Santoro Testa Valentini Zanetti", 8),
    "Netherlands": ("NL", "nl", "EUR", "+31", "#### @@", "Amsterdam Rotterdam Utrecht Eindhoven Groningen Zwolle Leiden Haarlem Arnhem Coevorden",
                    "Dorpsstraat|Kerkstraat|Molenweg|Prinsengracht|Oude Gracht|Schoolplein",
                    "Anouk Bart Coen Daniëlle Esmée Femke Gijs Hanneke Ineke Joost Katrijn Loïs Maarten Noëlle Pieter Renée Sjoerd Tjitske Willem Zoë",
                    "Bakker de Boer van Dijk Dekker Hendriks Jansen Kuipers van Leeuwen Mulder Peters Postma Smeets van Vliet Visser Vos de Wit Willems Zijlstra", 6),
    "Poland": ("PL", "pl", "PLN", "+48", "##-###", "Warszawa Kraków Łódź Wrocław Poznań Gdańsk Białystok Rzeszów Toruń Częstochowa",
               "ulica Słoneczna|ulica Długa|aleja Róż|ulica Świętojańska|plac Żwirki",
               "Agnieszka Andrzej Bożena Czesław Elżbieta Grażyna Jędrzej Józef Kazimierz Łucja Małgorzata Mirosław Paweł Radosław Sławomir Stanisław Urszula Wiesława Zbigniew Żaneta",
               "Bąk Błaszczyk Ciesielski Dąbek Gołębiewski Jabłoński Kaźmierczak Król Kwiecień Łukaszewicz Mroź Pająk Piątek Różycki Sikora Ślusarczyk Wójcik Wróbel Zając Żak", 8),
    "Czechia": ("CZ", "cs", "CZK", "+420", "### ##", "Praha Brno Ostrava Plzeň Liberec Olomouc Jihlava Zlín Třebíč Děčín",
                "Nádražní|Školní|Husova|Masarykova|U Řeky|Květinová",
                "Alžběta Božena Břetislav Dušan Eliška František Jiří Kateřina Květa Libuše Luděk Matěj Ondřej Přemysl Růžena Řehoř Šárka Tomáš Václav Žofie",
                "Beneš Březina Čapek Černý Dvořák Fiala Havlíček Jelínek Kadlec Kolář Kučera Mareš Němec Novotný Pospíšil Růžička Svoboda Šimek Vaněk Žák", 5),
    "Hungary": ("HU", "hu", "HUF", "+36", "####", "Budapest Debrecen Szeged Pécs Győr Sopron Székesfehérvár Eger Szombathely Érd",
                "Kossuth utca|Petőfi utca|Rózsa utca|Fő tér|Szőlő köz",
                "Ágnes Balázs Béla Csilla Dénes Emőke Erzsébet Ferenc Gergő Györgyi Ildikó János Judit Katalin László Márta Őzike Sándor Tünde Zoltán",
                "Balogh Bíró Csonka Erdős Fazekas Gyöngyösi Hegedűs Juhász Kőműves Lukács Mészáros Őri Papp Rácz Szűcs Takács Tóth Ünnep Vörös Zsigmond", 4),
    "Romania": ("RO", "ro", "RON", "+40", "######", "București Iași Timișoara Constanța Brașov Ploiești Oradea Bacău Pitești Galați",
                "Strada Florilor|Bulevardul Unirii|Strada Școlii|Calea Moșilor",
                "Adrián Anișoara Bogdan Cătălin Crină Doinița Ființa Gheorghe Ilinca Ioniță Lăcrămioara Mihăiță Nuța Răzvan Șerban Ștefan Tănase Țuțea Viorica Zenobia",
                "Bălan Chiriță Costăchel Dănilă Drăgan Enăchescu Gălățeanu Ioniță Lăzărescu Mânzatu Năstase Pătrașcu Rădulescu Săndulescu Șerbănescu Ștefănescu Tănăsescu Ungureanu Văcaru Zărnescu", 4),
    "Greece": ("GR", "el", "EUR", "+30", "### ##", "Αθήνα Θεσσαλονίκη Πάτρα Ηράκλειο Λάρισα Βόλος Ιωάννινα Χανιά",
               "οδός Αθηνάς|λεωφόρος Συγγρού|οδός Ερμού|πλατεία Ελευθερίας",
               "Αγγελική Αλέξανδρος Βασιλική Γεώργιος Δήμητρα Ελένη Ζωή Ηλίας Θεοδώρα Ιωάννης Κωνσταντίνος Λυδία Μαρία Νικόλαος Ξένια Παναγιώτης Σοφία Χρήστος",
               "Αγγελίδης Βλάχος Γεωργίου Δημητρίου Ζερβός Ηλιάδης Θεοδωρίδης Ιωαννίδης Καραγιάννης Λαμπράκης Μακρής Νικολαΐδης Ξενάκης Οικονόμου Παππάς Ρήγας Σταύρου Χατζής", 3),
    "Ireland": ("IE", "en", "EUR", "+353", "@## @#@#", "Dublin Cork Galway Limerick Sligo Kilkenny Dún-Laoghaire Tralee",
                "Abbey Street|Bridge Road|Castle Lane|Mill Walk|Saint Brigid’s Terrace",
                "Aoife Caoimhe Ciarán Déaglán Éamon Fionnuala Gráinne Iarla Máire Niamh Oisín Pádraig Róisín Saoirse Séamus Siobhán Tadhg Úna",
                "Byrne Connolly Devlin Fitzgerald Gallagher Ó Briain Kavanagh Lynch McCarthy Ní Dhomhnaill Nolan O’Connor O’Sullivan Quinn Rafferty Ó Súilleabháin", 3),
    "United Kingdom": ("GB", "en", "GBP", "+44", "@@# #@@", "London Bristol Leeds Cardiff Glasgow Belfast York Exeter Norwich Aberdeen",
                       "High Street|Church Lane|Station Road|Victoria Terrace|Mill Hill|Queen’s Walk",
                       "Abigail Angharad Callum Dafydd Eleanor Fraser George Hamish Imogen Jasper Kirsty Llewellyn Morag Nigel Olive Priya Rhys Siân Tobias Zara",
                       "Ashworth Bevan Campbell Davies Entwistle Fairclough Gillespie Hargreaves Iqbal Jenkins Khan Llewellyn MacLeod Okafor Patel Pritchard Singh Thornton Wainwright Yardley", 9),
    "Türkiye": ("TR", "tr", "TRY", "+90", "#####", "İstanbul Ankara İzmir Bursa Eskişehir Çanakkale Muğla Şanlıurfa",
                "Atatürk Caddesi|Çınar Sokak|İnönü Bulvarı|Gül Sokağı",
                "Ayşe Barış Çağla Doğan Elif Gökhan Hülya İbrahim İpek Kübra Mehmet Nazlı Oğuz Özge Şebnem Tuğba Umut Yıldız Zeynep",
                "Akın Bulut Çelik Demirtaş Erdoğmuş Güneş Işık Kılıç Köroğlu Öztürk Polat Sarıoğlu Şahin Taş Uçar Yalçın Yıldırım Zorlu", 4),
    "Japan": ("JP", "ja", "JPY", "+81", "###-####", "東京 大阪 京都 札幌 福岡 仙台 広島 金沢",
              "中央|桜町|緑が丘|本町|駅前通り",
              "葵 翔太 陽菜 健一 美咲 大輔 結衣 拓也 さくら 直樹 千尋 誠 由美 和也 恵 蓮",
              "佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田 佐々木 松本 井上 木村", 4),
    "Brazil": ("BR", "pt", "BRL", "+55", "#####-###", "São-Paulo Brasília Salvador Maceió Belém Florianópolis Goiânia Vitória",
               "Rua das Acácias|Avenida São João|Praça da Sé|Travessa do Açaí",
               "Antônio Bárbara Caíque Débora Érica Fábio Gláucia Heloísa Ícaro Júlia Letícia Maurício Nádia Patrícia Raíssa Taís Vinícius Zélia",
               "Assunção Brandão Conceição Damião Espíndola Falcão Galvão Holanda Itaboraí Junqueira Leitão Mourão Nóbrega Paixão Queirós Simões Trindade Uchôa", 4),
}
TAGS = "newsletter vip wholesale early-adopter student press trade-fair returns-often loyalty-club b2b gift-cards pilot referral birthday-club local-pickup export".split()
CHANNELS = ("email", "post", "phone", "app")
NOTES = (
    "Prefers delivery before noon.", "Asked for an invoice with the company’s name.", "Leave parcels with the neighbour – “Casa Azul”.",
    "Rings the doorbell twice.", "Allergic to lavender; no samples please.", "Has a standing order every second month.",
    "Complaint about packaging resolved 🙂", "Speaks slowly on the phone; give time.", "Wants paper catalogues.", "Moved recently, check the address.",
)
# Letters that Unicode does not decompose, and the scripts of two countries by their first letters' sound.
FOLD = {"ø": "o", "æ": "ae", "å": "aa", "ß": "ss", "ł": "l", "ı": "i", "đ": "d", "ð": "d", "þ": "th", "’": "", "œ": "oe"}
GREEK = dict(zip("αβγδεζηθικλμνξοπρσςτυφχψω", "a v g d e z i th i k l m n x o p r s s t y f ch ps o".split()))
KANJI = {"葵": "aoi", "翔太": "shota", "陽菜": "hina", "健一": "kenichi", "美咲": "misaki", "大輔": "daisuke", "結衣": "yui", "拓也": "takuya",
         "さくら": "sakura", "直樹": "naoki", "千尋": "chihiro", "誠": "makoto", "由美": "yumi", "和也": "kazuya", "恵": "megumi", "蓮": "ren",
         "佐藤": "sato", "鈴木": "suzuki", "高橋": "takahashi", "田中": "tanaka", "伊藤": "ito", "渡辺": "watanabe", "山本": "yamamoto",
         "中村": "nakamura", "小林": "kobayashi", "加藤": "kato", "吉田": "yoshida", "山田": "yamada", "佐々木": "sasaki", "松本": "matsumoto",
         "井上": "inoue", "木村": "kimura"}


class Draw:
    """Choices made from `random()` alone."""

    def __init__(self, seed):
        self.random = random.Random(seed).random

    def below(self, n):
        return int(self.random() * n)

    def between(self, low, high):
        return low + self.below(high - low + 1)

    def one(self, items):
        return items[self.below(len(items))]

    def chance(self, share):
        return self.random() < share

    def some(self, items, least, most):
        """Between `least` and `most` different items, in drawn order."""
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in range(self.between(least, most))]


def slug(text):
    """ASCII letters, digits and hyphens, close to how the name sounds."""
    text = KANJI.get(text, text).lower()
    text = "".join(FOLD.get(c, c) for c in text)
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    text = "".join(GREEK.get(c, c) for c in text)
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")


def pattern(draw, text):
    """Replaces # by a digit and @ by a letter."""
    return "".join(draw.one("0123456789") if c == "#" else draw.one("ABCDEFGHJKLMNPRSTUVWXYZ") if c == "@" else c for c in text)


def date(draw, first_year, last_year):
    return "%04d-%02d-%02d" % (draw.between(first_year, last_year), draw.between(1, 12), draw.between(1, 28))


def instant(draw, day):
    return "%sT%02d:%02d:%02dZ" % (day, draw.below(24), draw.below(60), draw.below(60))


def last_names(text):
    """Names of two words are written with a particle first: `van Dijk`, `de Boer`, `Ó Briain`, `Ní Dhomhnaill`, `De Santis`."""
    names, held = [], ""
    for word in text.split():
        if word in ("van", "de", "De", "Ó", "Ní"):
            held = word + " "
        else:
            names.append(held + word)
            held = ""
    return names


def customer(draw, country, first=None, last=None):
    code, language, currency, prefix, postal, cities, streets, firsts, lasts, _ = COUNTRIES[country]
    first = first or draw.one(firsts.split())
    last = last or draw.one(last_names(lasts))
    street, number = draw.one(streets.split("|")), draw.between(1, 148)
    numbered_first = code in ("FR", "GB", "IE")
    created = date(draw, 2016, 2024)
    subscribed = draw.chance(0.6)
    record = {
        "_id": None,
        "first_name": first,
        "last_name": last,
        "email": None,
        "phone": "%s 555 0%02d %03d" % (prefix, draw.below(100), draw.below(1000)),
        "birth_date": date(draw, 1938, 2006),
        "address": {
            "street": "%d %s" % (number, street) if numbered_first else "%s %d" % (street, number),
            "postal_code": pattern(draw, postal),
            "city": draw.one(cities.split()).replace("-", " "),
            "country": country,
            "country_code": code,
        },
        "preferences": {
            "language": language,
            "currency": currency,
            "channel": draw.one(CHANNELS),
            "newsletter": {"subscribed": subscribed, "frequency": draw.one(("weekly", "monthly")) if subscribed else "never"},
        },
        "tags": draw.some(TAGS, 1, 4),
        "loyalty_points": draw.between(0, 480) * 5,
        "visits": draw.between(1, 220),
        "credit_limit": "@%d.%02d@" % (draw.between(2, 50) * 50, draw.one((0, 0, 50, 75, 90))),
        "notes": draw.one(NOTES),
        "created": created,
        "updated": instant(draw, date(draw, 2025, 2025)),
        "last_seen": instant(draw, date(draw, 2026, 2026)[:5] + "0%d-%02d" % (draw.between(1, 3), draw.between(1, 28))),
    }
    if code == "JP":
        record["address"]["street"] = "%s%d丁目%d-%d" % (street, draw.between(1, 6), draw.between(1, 20), draw.between(1, 30))
    return record


def customers():
    draw = Draw(SEED)
    countries = [name for name, entry in COUNTRIES.items() for _ in range(entry[-1])]
    taken = {}
    for n in range(RECORDS):
        if n == 0:
            record = customer(draw, "Norway", "Baard", "Johansen")
            name = "baard"
        else:
            record = customer(draw, draw.one(countries))
            name = slug(record["first_name"]) + "-" + slug(record["last_name"])
        taken[name] = taken.get(name, 0) + 1
        record["_id"] = name if taken[name] == 1 else "%s-%d" % (name, taken[name])
        mailbox = "%s.%s" % (slug(record["first_name"]), slug(record["last_name"]))
        suffix = "" if taken[name] == 1 else str(taken[name])
        record["email"] = "%s%s@example.%s" % (mailbox, suffix, draw.one(("com", "net", "org")))
        yield record


def main():
    out = sys.stdout.buffer
    for record in customers():
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        line = re.sub(r'"@(\d+\.\d\d)@"', r"\1", line)          # money keeps both its decimals
        out.write(line.encode("utf-8") + b"\n")


if __name__ == "__main__":
    main()
