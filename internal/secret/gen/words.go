package main

const everyday = `
password passwort motdepasse contrasena wachtwoord parola senha haslo heslo salasana lozinka sifre
welcome willkommen bienvenue bonjour hallo hello ciao hola secret geheim letmein access login logon master
admin administrator root user guest test tester testing demo sample example default changeme change temp temporary
monkey dragon shadow sunshine princess football baseball basketball soccer hockey volleyball softball tennis golf
superman batman spiderman pokemon pikachu naruto starwars matrix trustno whatever nothing something anything everything
flower butterfly rainbow summer winter spring autumn sommer herbst fruehling january february march april june july
august september october november december monday tuesday wednesday thursday friday saturday sunday
cheese cookie coffee chocolate banana orange apple cherry pepper ginger peanut pumpkin biscuit bubbles honey sugar
kitten kitty puppy doggie horse tiger lion eagle falcon wolf bear panther dolphin penguin turtle rabbit hunter ranger
computer internet keyboard monitor laptop windows linux ubuntu android iphone google facebook instagram twitter youtube
microsoft amazon netflix spotify samsung nokia playstation nintendo xbox minecraft fortnite roblox zelda mario sonic
freedom forever family friends friend lovely love loveme iloveyou beautiful angel heaven blessed jesus christ church faith
mustang corvette ferrari porsche mercedes bmw toyota honda yamaha harley suzuki subaru volkswagen audi tesla chevrolet
killer danger phantom ghost zombie vampire warrior knight wizard merlin gandalf frodo legolas aragorn hobbit skywalker yoda
diamond silver golden crystal purple yellow orange green black white blue scarlet emerald sapphire
guitar piano music metallica nirvana slipknot eminem beatles rockstar dancer dancing singer
lucky winner champion number one first money dollar cash million business service system network server database
mother father sister brother daddy mommy grandma grandpa babygirl babyboy baby sweetie sweetheart darling schatz liebling
hottie sexy naughty pussycat fuckyou fuckoff asshole biteme bitch bastard
passion destiny liberty victory justice genesis phoenix thunder lightning storm ocean island mountain river forest garden
snoopy mickey minnie garfield scooby tinkerbell cinderella barbie simpsons homer bart spongebob stitch bambi nemo
blink marlboro budweiser heineken jackdaniels cocacola pepsi snickers oreo nutella
`

const work = `
company office manager project projects support helpdesk sales marketing finance account accounts backup oracle mysql postgres
redis mongodb docker kubernetes jenkins gitlab github openproject redmine jira confluence holdfast production staging
development developer engineer student teacher school university college library hospital doctor police soldier
security secure private public internal external customer client partner member employee director president
superuser superadmin sysadmin webmaster operator manager supervisor poweruser sudo toor cisco router switch printer
`

const names = `
michael michelle jennifer jessica ashley amanda matthew joshua andrew daniel david james robert john joseph thomas
charles christopher anthony nicholas jonathan brandon justin kevin brian jason ryan eric steven timothy richard
jordan taylor tyler austin hunter dakota morgan madison hannah samantha elizabeth stephanie nicole melissa danielle
rebecca rachel laura sarah megan lauren kimberly crystal amber heather tiffany vanessa veronica victoria natalie
alexander alexandra alexandre alexandria benjamin christian sebastian maximilian florian tobias stefan markus andreas
martin patrick dennis philipp jonas lukas leon felix julian moritz niklas claudia sabine petra monika susanne
katharina christina martina sandra nadine anja silke heike julia lena lisa sophie marie charlotte emma olivia
isabella mia emily abigail amelia harper evelyn william oliver henry george edward arthur harry charlie oscar
jacob ethan noah liam mason logan lucas aiden jackson carlos miguel jose juan luis antonio francisco alejandro
fernando ricardo eduardo roberto gabriel rafael diego santiago mateo valentina camila mariana gabriela carolina
daniela fernanda patricia adriana alejandra francesca giulia chiara martina federica alessia giovanni giuseppe
francesco alessandro lorenzo matteo marco andrea luca simone davide pierre jean nicolas antoine julien camille
mathilde aurelie celine sandrine isabelle valerie nathalie veronique sergey dmitry natasha svetlana tatiana
ekaterina anastasia vladimir mikhail ivan igor pavel katarzyna agnieszka magdalena malgorzata krzysztof mateusz
mohammed muhammad ahmed fatima aisha hassan hussein ibrahim mustafa priya rahul krishna ganesh lakshmi
buddy bailey cooper maggie charlie lucy molly daisy sadie rocky bella toby jasper ginger
`

const places = `
london paris berlin hamburg muenchen munich frankfurt koeln cologne stuttgart dresden leipzig vienna wien zuerich geneva
madrid barcelona valencia sevilla lisboa lisbon roma rome milano napoli torino amsterdam rotterdam brussels antwerp
stockholm copenhagen helsinki oslo warszawa krakow prague praha budapest bucharest athens istanbul ankara moscow
america germany deutschland france england scotland ireland wales italia italy spain espana portugal poland polska
austria schweiz switzerland holland nederland sweden norway denmark finland canada mexico brasil brazil argentina
colombia australia india indonesia china japan korea russia turkey egypt africa europe california texas florida
newyork chicago boston houston dallas denver seattle phoenix atlanta miami orlando vegas hollywood brooklyn
`

const teams = `
arsenal chelsea liverpool everton tottenham manchester newcastle celtic rangers juventus acmilan intermilan
realmadrid fcbarcelona atletico benfica porto sporting ajax feyenoord bayern schalke dortmund borussia werder
cowboys packers steelers patriots raiders broncos eagles giants yankees redsox dodgers lakers celtics bulls
maverick cardinals panthers tigers lions bears dolphins chargers falcons saints vikings ravens redskins
`

const phrases = `
iloveyou iloveyouso iloveyoumore iloveyousomuch iloveyouforever ihateyou imissyou iamthebest iamtheking iamgod
letmein letmeinnow letmeinplease openplease opensesame sesameopen trustnoone trustme nopassword mypassword thepassword
passwordpassword passpass password1password onetwothree onetwothreefour whatthefuck whatthehell whoknows whocares
donttouch dontforget forgetmenot rememberme godisgood godislove jesusisking jesuschrist jesuslovesme inshallah
correcthorsebatterystaple correcthorse thisismypassword thisispassword yourpassword newpassword oldpassword
changemenow changeit changethis pleasechange pleasechangeme secretpassword supersecret topsecret notsecret
adminadmin administrator adminpassword passwordadmin rootroot rootpassword rootadmin testtest testpassword testuser
userpassword useruser guestguest defaultpassword demopassword welcomehome welcomeback welcometo hellohello helloworld
hellokitty starwars startrek lordoftherings harrypotter gameofthrones ironman captainamerica spiderman wonderwoman
chocolatecake icecream peanutbutter strawberry blueberry raspberry watermelon pineapple
livelaughlove carpediem hakunamatata abracadabra alohomora nevergiveup staystrong dreambig
summertime wintertime springtime christmas merrychristmas happynewyear happybirthday halloween valentine
`

const walks = `
qwerty qwertyui qwertyuiop qwertyuiopasdf qwertz qwertzui qwertzuiop azerty azertyui azertyuiop asdfgh asdfghjk asdfghjkl
zxcvbn zxcvbnm yxcvbnm qweasd qweasdzxc qazwsx qazwsxedc qazwsxedcrfv wsxedc asdqwe asdzxc zxcasdqwe poiuyt poiuytrewq
lkjhgf lkjhgfdsa mnbvcxz mnbvcxzlkj asdfasdf qwerqwer zxcvzxcv qweqweqwe asdasdasd zxczxczxc abcdef abcdefgh abcdefghij
abcdefghijk abcdefghijklmnop abcabcabc aaaaaaaaaa qqqqqqqqqq zzzzzzzzzz xxxxxxxxxx qazqazqaz wsxwsxwsx qwaszx qwertyqwerty
`

const verbs = `ilove ihate iwant ineed welove fuck lovemy hatemy mylittle mysweet mybig thebest thebig super mega ultra`

const objects = `
you me him her it this that them us mom mum dad mama papa god jesus money food pizza beer music life love school
work cats dogs cat dog football soccer hockey games chocolate coffee summer girls boys computer password family friends
`

const stems = `password passwort welcome welcometo admin letmein qwerty hello secret changeme master login iloveyou princess football baseball dragon monkey sunshine superman batman summer winter spring autumn`

const endings = `
abc xyz qwe asd now here please me you one two three four new old not yes no ok lol haha admin user root test
company office work home house school love baby king queen man boy girl star master secret again forever always
monday friday january june july december secure security safe strong pass word key login account online web site
`
