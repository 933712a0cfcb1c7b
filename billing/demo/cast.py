"""What the demo company is made of: names, streets, catalog, tax rates, sentences. Data only, all invented.

Telephone numbers are from the range that is kept free for fiction (555-01xx), mail goes to example.com.
"""

COMPANY = {
    "name": "Lantern Security",
    "legal_name": "Lantern Security Systems, LLC",
    "street": "2208 Burnet Road",
    "street2": "Suite 120",
    "city": "Austin",
    "state": "TX",
    "zip": "78757",
    "phone": "(512) 555-0100",
    "phone_hours": "Mon–Fri 8 am–6 pm, Sat 9 am–1 pm",
    "email": "billing@example.com",
    "website": "https://lantern.example.com",
    "license_number": "TX DPS B-19482001",
    "payable_to": "Lantern Security Systems, LLC",
    "remit_street": "PO Box 40417",
    "remit_city": "Austin",
    "remit_state": "TX",
    "remit_zip": "78704",
    "time_zone": "America/Chicago",
    "terms_days": 15,
    "next_invoice_number": 40218,
}

PASSWORD = "lantern-demo"  # of everybody at the demo company; good for nothing else
STAFF = (
    ("olga@example.com", "Olga Ramirez", "owner"),
    ("sam@example.com", "Sam Okafor", "billing"),
    ("priya@example.com", "Priya Nair", "support"),
    ("walt@example.com", "Walt Jensen", "read_only"),
)
OFFICE, SUPPORT = "staff:sam@example.com", "staff:priya@example.com"

# code, name, kind, usual price of one a month in cents, taxable
CATALOG = (
    ("MON-BURG", "Burglar alarm monitoring", "recurring", 3495, True),
    ("MON-SHOP", "Burglar alarm monitoring, business", "recurring", 4995, True),
    ("MON-FIRE", "Fire alarm monitoring", "recurring", 6500, True),
    ("MON-CELL", "Cellular backup", "recurring", 995, True),
    ("MON-MED", "Medical alert monitoring", "recurring", 3295, False),
    ("CAM-STORE", "Camera video storage", "recurring", 895, True),
    ("ACC-DOOR", "Door access control", "recurring", 1495, True),
    ("APP", "Remote control by app", "recurring", 595, True),
    ("CARE", "Service plan", "recurring", 1295, True),
    ("TEST-FIRE", "Yearly fire alarm test", "recurring", 3250, True),
    ("SERVICE", "Service call", "labor", 12500, True),
    ("INSTALL", "Installation", "labor", 14900, True),
    ("BATTERY", "Backup battery, 12 V", "part", 4200, True),
    ("SMOKE", "Smoke detector", "part", 8900, True),
    ("CONTACT", "Wireless door contact", "part", 5600, True),
    ("KEYPAD", "Touchscreen keypad", "part", 21900, True),
    ("CAMERA", "Outdoor camera", "part", 24900, True),
    ("PENDANT", "Medical pendant", "part", 6900, False),
)

# code, name as printed, ppm, changed from ppm (before the middle of the history) or None
TAX_RATES = (
    ("TX-AUSTIN", "Texas and Austin sales tax", 82500, None),
    ("TX-ROUND-ROCK", "Texas and Round Rock sales tax", 82500, None),
    ("TX-CEDAR-PARK", "Texas and Cedar Park sales tax", 82500, None),
    ("TX-GEORGETOWN", "Texas and Georgetown sales tax", 82500, None),
    ("TX-HUTTO", "Texas and Hutto sales tax", 82500, 80000),
    ("TX-DRIPPING", "Texas and Dripping Springs sales tax", 82500, None),
    ("TX-TRAVIS", "Texas sales tax and transit, Travis County", 72500, None),
    ("TX-HAYS", "Texas and Hays County sales tax", 67500, None),
)

# city, ZIPs, jurisdiction, weight
PLACES = (
    ("Austin", ("78702", "78704", "78745", "78757", "78731", "78759"), "TX-AUSTIN", 46),
    ("Round Rock", ("78664", "78681"), "TX-ROUND-ROCK", 15),
    ("Cedar Park", ("78613",), "TX-CEDAR-PARK", 11),
    ("Georgetown", ("78626", "78628"), "TX-GEORGETOWN", 9),
    ("Hutto", ("78634",), "TX-HUTTO", 6),
    ("Dripping Springs", ("78620",), "TX-DRIPPING", 4),
    ("Manor", ("78653",), "TX-TRAVIS", 5),
    ("Wimberley", ("78676",), "TX-HAYS", 4),
)

FIRST_NAMES = tuple(
    "Aaron Alice Amara Andre Angela Anthony Beatriz Ben Bernice Brenda Caleb Carla Carlos Cecilia "
    "Charles Clara Cora Daniel Darnell Deborah Diego Donna Eduardo Eleanor Elena Elijah Esther Ethan "
    "Felicia Frank Gabriel George Gloria Grace Hannah Harold Hector Helen Henry Imani Irene Isaac "
    "Ivy Jack Jamal James Janet Javier Jean Joel Jorge Joyce Juan Judith Kai Karen Keiko Kenneth "
    "Lamar Laura Leah Leo Linda Lorenzo Louis Lucia Lydia Malik Marcus Margaret Maria Mark Martha "
    "Martin Mei Miguel Miriam Nadia Naomi Nathan Nell Nora Oscar Owen Patricia Paul Pearl Peter "
    "Rachel Rafael Ramona Raymond Renee Rosa Ruben Ruth Samuel Sarah Silvia Simon Sofia Stella "
    "Teresa Theo Thomas Tomas Vera Victor Violet Walter Wanda Wendell Xavier Yolanda Yusuf Zoe".split()
)
LAST_NAMES = tuple(
    "Abbott Acosta Adeyemi Alvarez Andersen Baker Banerjee Barnes Becker Bell Bennett Blanco Boyd "
    "Brooks Burke Calloway Cantu Castillo Chan Chavez Clark Coleman Contreras Cooper Cruz Daniels "
    "Delgado Diaz Dixon Doyle Edwards Ellis Espinoza Evans Farrell Fields Fischer Flores Foster "
    "Fuentes Garza Gibson Gomez Graham Greene Guerrero Gupta Hale Hansen Hayes Hernandez Hoffman "
    "Holloway Huang Ibarra Iverson Jackson Jennings Jimenez Johansen Kaplan Keller Kelley Khan Kim "
    "Kowalski Lambert Larsen Lee Lozano Maddox Maldonado Marsh Martinez Mathis McCoy Medina Mendez "
    "Meyer Molina Moore Morales Nakamura Nguyen Norris Novak Ochoa Olsen Ortega Osborne Pacheco "
    "Parker Patel Perkins Petrov Phillips Pineda Powell Quinn Ramsey Reyes Rhodes Rios Rivera "
    "Robinson Rosales Ross Salazar Santos Schultz Sharma Shaw Silva Sims Soto Stone Sutton Tanaka "
    "Thornton Torres Tran Underwood Valdez Vargas Vega Wagner Walsh Warren Watkins Weaver Webb "
    "Wheeler Williams Wong Yates Young Zamora".split()
)
STREETS = tuple(
    "Agave Lane|Alder Court|Anderson Mill Road|Balcones Drive|Barton Hills Drive|Bluebonnet Lane|"
    "Bluff Springs Road|Brushy Creek Road|Canyon Ridge Drive|Cedar Elm Trail|Chisholm Trail|"
    "Clayton Lane|Cottonwood Drive|Creekside Drive|Dove Springs Drive|Eastside Drive|Elmwood Place|"
    "Enfield Road|Exposition Boulevard|Fallwell Lane|Garden Oaks Drive|Great Hills Trail|"
    "Hackberry Street|Heritage Oaks Bend|Hilltop Street|Indian Grass Cove|Juniper Street|"
    "Kinney Avenue|Lakeline Boulevard|Live Oak Street|Manchaca Road|Meadow Lark Drive|"
    "Mesquite Street|Mockingbird Lane|Oak Springs Drive|Parmer Lane|Pecan Street|"
    "Pflugerville Parkway|Pioneer Trail|Prairie Dog Run|Quail Hollow Drive|Red River Street|"
    "River Bend Road|Rosewood Avenue|Sage Brush Circle|San Gabriel Street|Shoal Creek Boulevard|"
    "Slaughter Lane|South Lamar Boulevard|Spicewood Springs Road|Stillhouse Hollow|Sunflower Trail|"
    "Sycamore Street|Texas Avenue|Travis Heights Boulevard|Turtle Creek Lane|University Boulevard|"
    "Walnut Creek Drive|West Lynn Street|Whispering Wind Drive|Willow Way|Windmill Run|Yaupon Drive|"
    "Zilker Road".split("|")
)

# name with {} for a last name, what they have
BUSINESSES = (
    ("{} Family Dentistry", "shop"),
    ("{} Hardware", "shop"),
    ("{} & Sons Plumbing", "shop"),
    ("{} Veterinary Clinic", "shop"),
    ("{} Law Office", "shop"),
    ("{} Auto Repair", "shop"),
    ("{} Jewelers", "shop"),
    ("{} Pharmacy", "shop"),
    ("{} Eye Care", "shop"),
    ("{} Accounting", "shop"),
    ("{}’s Bakery", "kitchen"),
    ("{}’s Taqueria", "kitchen"),
    ("{} Smokehouse", "kitchen"),
    ("{} Coffee Roasters", "kitchen"),
    ("{} Ranch Supply", "yard"),
    ("{} Storage", "yard"),
    ("{} Logistics", "yard"),
    ("{} Landscape Nursery", "yard"),
    ("{} Property Management", "many"),
    ("{} Urgent Care Group", "many"),
    ("{} Fitness Clubs", "many"),
    ("{} Child Care Centers", "many"),
)
EXEMPT = (
    "St. Brendan Catholic Church",
    "Grace Lutheran Church",
    "Mount Olive Baptist Church",
    "Cedar Valley Mennonite Church",
    "Hill Country Montessori School",
    "Travis Prep Academy",
    "Temple Beth Shalom of the Hills",
    "Riverbend Food Pantry",
    "Blanco River Animal Shelter",
    "Oak Grove Charter School",
)

DISCOUNTS = (
    "Senior discount",
    "Military and first responders",
    "Neighbor referral",
    "Long-time customer",
    "Two systems, one home",
)
BUSINESS_DISCOUNTS = ("Multi-site agreement", "Agreement over five years", "Chamber of commerce member")

END_REASONS = (
    ("moved", 45),
    ("competitor", 15),
    ("cost", 15),
    ("not_used", 12),
    ("service", 8),
    ("deceased", 5),
)
PAUSES = (
    "House is being rebuilt after a storm",
    "Away until spring",
    "Store is being remodeled",
    "Home is for sale and empty",
)

# text, item of the work, cents, part that may come with it
WORK = (
    ("Service call: low battery, replaced", "SERVICE", 12500, "BATTERY"),
    ("Service call: false alarms, door contact replaced", "SERVICE", 12500, "CONTACT"),
    ("Service call: no signal to the station, radio reset", "SERVICE", 9500, None),
    ("Smoke detector replaced", "SERVICE", 9500, "SMOKE"),
    ("Keypad replaced", "SERVICE", 12500, "KEYPAD"),
    ("Camera added and aligned", "INSTALL", 14900, "CAMERA"),
    ("User codes changed and staff trained", "SERVICE", 6500, None),
)

GOODWILL = (
    "Late technician on our side",
    "Two service visits for one fault",
    "Thank you for your patience during the outage",
    "Video storage was down for three days",
)
CORRECTIONS = (
    "Cellular backup was not installed yet",
    "Billed for one camera too many",
    "Price as agreed on the phone",
    "Service call is covered by the service plan",
)
BOUNCES = ("Insufficient funds", "Insufficient funds", "Account closed", "Signature does not match")

# subject, what the customer writes, what we answer, about an invoice
QUESTIONS = (
    (
        "Why is this invoice higher than the last one?",
        "Hello, my invoice went up this time. I did not change anything. Could you explain?",
        (
            "Good morning! The yearly adjustment in section 6 of your agreement took effect with "
            "this period. The old and the new price are on the invoice. If you would like to go "
            "through it together, call us at (512) 555-0100."
        ),
        True,
    ),
    (
        "Please use our new PO number",
        (
            "Our purchasing department changed the PO number for this year. Could the next "
            "invoices carry PO 7741-B?"
        ),
        "Done. The next invoice carries the new number. Earlier ones stay as they were issued.",
        False,
    ),
    (
        "Receipt for my insurance",
        (
            "My insurance gives a discount for a monitored alarm. Can I get a certificate and the "
            "last receipt?"
        ),
        (
            "Of course. The certificate is on its way by mail, and every receipt is in the portal "
            "under Payments."
        ),
        False,
    ),
    (
        "Moving next month",
        ("We are moving to Georgetown and would like to take the alarm with us. What do we have to do?"),
        (
            "Congratulations on the new home! Our scheduling desk will call you today to find a "
            "day for the move. Your agreement simply moves with you."
        ),
        False,
    ),
    (
        "Charged for a service call under the service plan",
        "We have the service plan, so why is there a service call on this invoice?",
        ("You are right, and we are sorry. We credited the call; the corrected balance is in the portal."),
        True,
    ),
    (
        "Paid twice?",
        "I mailed a check and my wife paid by card. What happens with the second payment?",
        (
            "Both arrived. The second one is on your account as credit and pays the next invoice. "
            "If you would rather have it back, tell us and we will mail a check."
        ),
        True,
    ),
    (
        "Can I pay by the quarter?",
        "I would prefer four invoices a year instead of twelve. Is that possible?",
        ("Yes. From the next period on we will bill you every three months, at the same monthly price."),
        False,
    ),
    (
        "Camera stopped recording",
        "The camera over the driveway shows no recordings since Monday.",
        (
            "Thank you for telling us. The recorder needed an update, which we did from here. All "
            "four cameras record again."
        ),
        False,
    ),
)
OPEN_QUESTIONS = (
    (
        "Invoice shows two cameras too many",
        (
            "We have four cameras, but the invoice has six. We took two down in spring. Please "
            "correct it before I pay."
        ),
        True,
    ),
    (
        "The technician never came",
        (
            "We were told Tuesday between 8 and 12, and nobody came. Now there is a service call "
            "on my invoice. I will not pay for a visit that did not happen."
        ),
        True,
    ),
    (
        "Can you mail me paper invoices?",
        "My eyes are not what they were. Could I have the invoices on paper from now on?",
        False,
    ),
    (
        "Change of owner",
        "We sold the store. The new owner wants to keep the alarm. What do you need from us?",
        False,
    ),
)
