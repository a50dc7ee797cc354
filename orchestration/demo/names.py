"""Words that people, places and goods of the retailer are made from.

Lists only, written for this project; drawing from them belongs to the modules that use them.
Nothing in them can reach anybody: e-mail domains are those that RFC 2606 keeps free, and all
telephone numbers lie in area codes that the North American plan has set aside.
"""

GIVEN = (
    "Ada Aiko Alan Alma Amara Anders Anika Arjun Aurélie Basil Bea Benoît Bram Carla Cedric "
    "Chloé Clara Dario Devon Dina Edith Eli Élodie Emre Enid Farah Felix Fiona François Gemma "
    "Gil Greta Hana Hector Ida Imani Inga Iris Ivan Jade Jasper Joan Jonah José June Kaito "
    "Karin Kofi Lara Leif Lena Levi Lucía Mabel Malik Marc Mei Mila Milo Nadia Neil Noor Nora "
    "Olga Omar Orla Otis Paloma Pavel Petra Priya Quinn Rafael Ravi Renée Rosa Ruth Samir "
    "Selma Silas Sofia Søren Tara Theo Tomas Uma Vera Victor Wanda Wei Willa Xenia Yara Yusuf "
    "Zoë Zora"
).split()
FAMILY = (
    "Abbott Acosta Adeyemi Alder Ambrose Arsenault Baines Barros Beaulieu Becker Bellamy "
    "Bhatt Birch Boucher Brandt Calloway Castle Chaudhry Chen Cole Côté Dalton Daniels "
    "Desjardins Dietrich Doyle Drummond Dubois Easton Ekström Ellery Engel Farrow Fenn "
    "Ferreira Fontaine Frost Gagnon Garnet Gauthier Giles Grant Haddad Hale Harper Hayashi "
    "Holm Iqbal Ivers Jansen Jarvis Juarez Kaplan Keane Kimura Knox Kowalski Laflamme Larkin "
    "Lavoie Lin Lopes Lund MacRae Mancini Marsh Meyer Mistry Moreau Nakai Ng Nolan Novak "
    "O'Brien O'Shea Okafor Olsen Ortega Park Pelletier Pham Pike Quigley Rahman Reyes Rhodes "
    "Roy Salazar Sato Shaw Silva Sorensen St-Pierre Stone Tanaka Thorne Tremblay Underhill "
    "Vance Vega Volkov Walsh Weiss Whitlock Yang Yilmaz Zamora"
).split()
STREETS = (
    "Alder St;Birch Ave;Brook Ln;Canal St;Cedar Rd;Cherry St;Church St;Clover Ct;Elm "
    "St;Fairview Ave;Garden St;Harbour Rd;Highland Ave;Hill St;Juniper Way;Lake St;Linden "
    "Blvd;Main St;Maple Ave;Market St;Meadow Ln;Mill Rd;Oak St;Orchard Rd;Park Ave;Pine "
    "St;Quarry Rd;River Rd;Rue Principale;Rue Saint-Jean;School St;Spring St;Station Rd;Union "
    "St;Valley Rd;Walnut St;Willow Way"
).split(";")
MAIL_DOMAINS = (
    "northmail.example",
    "maplepost.example",
    "quickbox.example",
    "familynet.example",
    "oldisp.example",
    "campus.example",
)
MISTYPED_DOMAINS = (
    "northmial.example",
    "maplepots.example",
    "quickbx.example",
    "familynt.example",
    "oldsip.example",
    "campsu.example",
)
JUNK_EMAILS = ("test@example.com", "none@none.invalid", "n/a", "noemail@example.com", "a@a.test")
JUNK_PHONES = ("0000000000", "1234567890", "n/a", "9999999999", "555-0100")
FIRST_OWN_PHONE = 370_554_0000
"""The first store's own number; the other locations have the following ones."""
SHOP_PHONE = str(FIRST_OWN_PHONE)
JUNK_NAMES = ("Test Test", "Guest", "n/a", "Customer Walk-in")
AREA_CODES = (*range(370, 380), *range(960, 970))
"""37X and 96X are set aside and given to nobody."""
